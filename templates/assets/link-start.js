// link-start
