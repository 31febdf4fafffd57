// recover-cancel
