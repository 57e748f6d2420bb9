"""Study: plan, backtest, evaluation and settlement of the contract designs in one TOML file."""

from ssinfer.study.plan import Plan as Plan
from ssinfer.study.plan import plan_study as plan_study
from ssinfer.study.result import MANIFEST as MANIFEST
from ssinfer.study.result import StudyResult as StudyResult
from ssinfer.study.result import refuse_foreign_folder as refuse_foreign_folder
from ssinfer.study.result import write_study as write_study
from ssinfer.study.run import run_study as run_study
