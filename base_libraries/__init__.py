"""base_libraries."""
