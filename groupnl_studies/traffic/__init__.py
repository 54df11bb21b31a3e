"""Does the service tell what its traffic is like: which corruption it carries, after how many requests, how surely."""
