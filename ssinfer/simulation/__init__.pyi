from .claims import SimulatedClaims as SimulatedClaims
from .claims import simulate_claims as simulate_claims
from .cohort import simulate_cohort as simulate_cohort
from .panel import SimulatedPanel as SimulatedPanel
from .panel import simulate_kerngezond_vlissingen as simulate_kerngezond_vlissingen
from .panel import simulate_panel as simulate_panel
