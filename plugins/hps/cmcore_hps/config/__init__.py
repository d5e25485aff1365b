"""Configurations of HugeCTR and the Hierarchical Parameter Server: read loosely, checked together, written strictly.

`checked` reads; what is deployed with it is decided elsewhere.
"""

from cmcore_hps.config.checked import Checked as Checked
from cmcore_hps.config.checked import checked as checked
from cmcore_hps.config.checked import refuse as refuse
from cmcore_hps.config.dialect import Dialect as Dialect
from cmcore_hps.config.finding import Finding as Finding
from cmcore_hps.config.rule import Severity as Severity
