"""The pages: a function for each makes its cards of a view, and `Site` finds the page of an address."""

from dashboards.pages.site import Shown, Site

__all__ = ["Shown", "Site"]
