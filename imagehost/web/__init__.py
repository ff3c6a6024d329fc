"""HTTP: parse, one service call, serialise. Nothing here touches storage or index."""
