from .findings import Audit as Audit
from .findings import audit as audit
from .page import plot_copies as plot_copies
from .page import write_page as write_page
