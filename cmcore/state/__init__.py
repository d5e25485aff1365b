"""The state database: engine, migrations, leases, runs and the event log (design: one SQL database for all state).

Nothing about lineage lives here (that is `cmcore.lineage`), and nothing is imported until a module is asked for.
"""
