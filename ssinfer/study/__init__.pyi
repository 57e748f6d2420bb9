from .plan import Plan as Plan
from .plan import plan_study as plan_study
from .result import MANIFEST as MANIFEST
from .result import StudyResult as StudyResult
from .result import refuse_foreign_folder as refuse_foreign_folder
from .result import write_study as write_study
from .run import run_study as run_study
