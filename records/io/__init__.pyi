from .files import open_complete, read_record, replacing, write_records, write_text
from .frame_files import write_frames
from .mapping import SOURCES, Wanted, load_mapping, load_tables, parse_mapping, read_mapped
from .scan_files import write_scan
from .truth_files import read_truth, write_truth
from .untrusted import attributes, check_dataset, member, names_of, opened, values

__all__ = [
    "SOURCES",
    "Wanted",
    "attributes",
    "check_dataset",
    "load_mapping",
    "load_tables",
    "member",
    "names_of",
    "open_complete",
    "opened",
    "parse_mapping",
    "read_mapped",
    "read_record",
    "read_truth",
    "replacing",
    "values",
    "write_frames",
    "write_records",
    "write_scan",
    "write_text",
    "write_truth",
]
