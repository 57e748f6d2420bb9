"""The package is installed by tests/plugins/test_plugin_package.py; nothing here is collected, one module cannot be."""

collect_ignore_glob = ["*.py"]
