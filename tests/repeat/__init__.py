"""One life lived twice: the same seed and the same requests give the same news, ids included."""
