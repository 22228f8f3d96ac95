"""The same acts and reads for other systems, at /api/v1/ and each page's own address.

An endpoint is an act (`ntrust.acts.Deed`) asked for as JSON, or a query answered as JSON: nothing
is checked here that its page does not check. `routes` finds the acts among the pages, so a new one
has its endpoint by itself; `schema` describes them from their forms.
"""
