"""Pictures and pages of pipelines and runs: inline SVG and HTML that load nothing from anywhere."""
