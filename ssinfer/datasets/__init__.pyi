import ssinfer.simulation

from .dartmouth import load_dartmouth as load_dartmouth
from .io.catalogue import DatasetEntry as DatasetEntry
from .io.catalogue import available as available
from .io.fetching import fetch as fetch
from .io.fetching import fetch_vektis as fetch_vektis
from .mssp import Mssp as Mssp
from .mssp import load_mssp as load_mssp
from .prop99 import load_prop99 as load_prop99
from .vektis.baskets import BASKETS as BASKETS
from .vektis.baskets import Basket as Basket
from .vektis.cells import national_vektis as national_vektis
from .vektis.cells import vektis_cells as vektis_cells
from .vektis.coordinates import municipality_centroids as municipality_centroids
from .vektis.covariates import municipality_covariates as municipality_covariates
from .vektis.notes import VektisNotes as VektisNotes
from .vektis.panel import load_vektis as load_vektis
from .vektis.standardise import expected_spending as expected_spending

SimulatedClaims = ssinfer.simulation.SimulatedClaims
SimulatedPanel = ssinfer.simulation.SimulatedPanel
simulate_claims = ssinfer.simulation.simulate_claims
simulate_cohort = ssinfer.simulation.simulate_cohort
simulate_kerngezond_vlissingen = ssinfer.simulation.simulate_kerngezond_vlissingen
simulate_panel = ssinfer.simulation.simulate_panel
