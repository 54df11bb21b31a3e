"""`groupnl bench models`: GroupNL networks beside their twins, in every form, engine and batch size."""
