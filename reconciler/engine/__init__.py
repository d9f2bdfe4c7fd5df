"""The hands: controllers that bring the world to what is declared. asyncio, and ports."""
