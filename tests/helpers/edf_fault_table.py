"""The table of faults, in the order of the page that is made of it."""

from __future__ import annotations

from edf_faults_of_dates import DATES
from edf_faults_of_records import FORMATS, RECORDS
from edf_faults_of_scales import SCALES
from edf_faults_of_sizes import SIZES
from edf_faults_of_texts import TEXTS

TABLE = {
    "Formats": FORMATS,
    "Start": DATES,
    "Scale": SCALES,
    "Size": SIZES,
    "Times of data records": RECORDS,
    "Annotations, labels and units": TEXTS,
}
FAULTS = [fault for faults in TABLE.values() for fault in faults]
