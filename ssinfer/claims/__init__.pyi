import ssinfer.backtesting.intact_groups
import ssinfer.cohort.case_mix
import ssinfer.cohort.pseudo_practices
import ssinfer.simulation.known_saving

from .extraction import Extract as Extract
from .extraction import extract as extract
from .population import Population as Population
from .spending import RunOut as RunOut
from .spending import Spending as Spending
from .spending import Truncation as Truncation
from .tables.table_mapping import SourceColumn as SourceColumn
from .tables.table_mapping import TableMapping as TableMapping
from .tables.tables import ClaimsTables as ClaimsTables

expected_spending = ssinfer.cohort.case_mix.expected_spending
intact_group_ratio = ssinfer.backtesting.intact_groups.intact_group_ratio
known_saving = ssinfer.simulation.known_saving.known_saving
pseudo_practices = ssinfer.cohort.pseudo_practices.pseudo_practices
