"""Pages and panels that show what the log tells."""

from analytics.views.dashboard import dashboard
from analytics.views.effectiveness import effectiveness
from analytics.views.lists import needs, said
from analytics.views.reach import learn_now, reach_lead, reach_panel, stated_preference

__all__ = ["dashboard", "effectiveness", "learn_now", "needs", "reach_lead", "reach_panel", "said", "stated_preference"]
