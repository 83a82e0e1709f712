/* The library is linked through this module; its headers are included by CHiredis alone. */
