// What pages do beyond showing themselves: values where the pointer is.
