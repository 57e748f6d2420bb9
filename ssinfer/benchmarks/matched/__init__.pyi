from .balance.limits import BalanceLimits as BalanceLimits
from .method import PropensityMatching as PropensityMatching
