"""Plays stories against a client: ``python -m mockserver run scenario.yaml -- command``.

``verbs`` says what a step may be, ``machine`` decides when the next one comes, ``hands`` does it, ``checks`` judges in
the end by the journal, the truth and what the client says it heard (``mockserver.reports``), ``playing`` holds all of
it, ``words`` tells people. These are pure; ``play`` waits, ``shell`` runs the command, ``command`` is the command line.
The scenarios that come with it are the YAML files of ``mockserver/scenarios``, found by ``shelf``.
"""
