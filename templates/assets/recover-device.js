// recover-device
