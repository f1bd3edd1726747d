"""The evaluation harness: how good are the answers, and how sure is that?"""
