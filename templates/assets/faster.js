// faster
