"""Shape annotations of layers and tasks are checked while the tests run."""

from jaxtyping import install_import_hook

import tests.shapecheck

install_import_hook(["plait.layers", "plait.tasks"], f"{tests.shapecheck.__name__}.check")
