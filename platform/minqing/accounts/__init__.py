"""Staff (工作人员), their roles and sign-in, and the record of who read what through the application."""
