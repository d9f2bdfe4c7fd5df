"""The words: frozen values and closed sets that every other room speaks. Imports nothing of ours."""
