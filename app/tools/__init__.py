"""What assistants are given by the Model Context Protocol."""
