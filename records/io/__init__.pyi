from .disk import FULL
from .files import is_ours, open_complete, read_record, replacing, write_records, write_text
from .frame_files import write_frames
from .mapping import SOURCES, Wanted, load_mapping, load_tables, parse_mapping, read_mapped
from .scan_files import write_scan
from .untrusted import attributes, check_dataset, member, names_of, opened, part, values

__all__ = [
    "FULL",
    "SOURCES",
    "Wanted",
    "attributes",
    "check_dataset",
    "is_ours",
    "load_mapping",
    "load_tables",
    "member",
    "names_of",
    "open_complete",
    "opened",
    "parse_mapping",
    "part",
    "read_mapped",
    "read_record",
    "replacing",
    "values",
    "write_frames",
    "write_records",
    "write_scan",
    "write_text",
]
