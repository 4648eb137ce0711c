from .disk import FULL, DiskFile, check_room, replacing, write_text
from .files import is_ours, open_complete, read_record, write_records
from .frame_files import write_frames
from .links import allowed_links, following_links
from .mapping import SOURCES, Entry, Wanted, load_mapping, load_tables, parse_mapping, read_mapped
from .scan_files import write_scan
from .stacking import matching_files
from .truth_files import read_truth, write_truth
from .untrusted import attributes, check_dataset, member, names_of, opened, part, text_attribute, values

__all__ = [
    "FULL",
    "SOURCES",
    "DiskFile",
    "Entry",
    "Wanted",
    "allowed_links",
    "attributes",
    "check_dataset",
    "check_room",
    "following_links",
    "is_ours",
    "load_mapping",
    "load_tables",
    "matching_files",
    "member",
    "names_of",
    "open_complete",
    "opened",
    "parse_mapping",
    "part",
    "read_mapped",
    "read_record",
    "read_truth",
    "replacing",
    "text_attribute",
    "values",
    "write_frames",
    "write_records",
    "write_scan",
    "write_text",
    "write_truth",
]
