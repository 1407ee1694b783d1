"""Staff pages (工作台): one work queue per role."""
