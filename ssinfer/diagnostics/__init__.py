"""Diagnostics of a benchmark: one check per file, each PASS, FAIL or NOT EVALUATED with its number."""

# Imported at once: a function has the name of its file, and a name loaded later would be the module.
from ssinfer.diagnostics.convex_hull import convex_hull as convex_hull
from ssinfer.diagnostics.effective_donors import effective_donors as effective_donors
from ssinfer.diagnostics.held_out_fit import held_out_fit as held_out_fit
from ssinfer.diagnostics.leave_one_donor_out import leave_one_donor_out as leave_one_donor_out
from ssinfer.diagnostics.placebo_in_time import placebo_in_time as placebo_in_time
