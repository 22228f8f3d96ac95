"""The inspection bundle of one decision: a zip that recomputes it with nothing but Python.

Nothing in it depends on when it is made: the same rows give the same bytes. Subject numbers only;
nobody in it has another name, and screening numbers are taken out.
"""

from safety.bundles.parts import bundle_name, bundle_parts
from safety.bundles.zipping import write_bundle

__all__ = ["bundle_name", "bundle_parts", "write_bundle"]
