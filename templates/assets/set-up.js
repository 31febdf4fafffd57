// set-up
