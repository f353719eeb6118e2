/* The wire format, compiled: what `codec.py`, `binary.py` and `envelope.py` do in Python, with the same results and the same
 * refusals. The Python code is the reference; tests hold this to it, message by message and byte by byte.
 */
#ifndef HEMIS_WIRE_H
#define HEMIS_WIRE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

/* Of the module. */
typedef struct {
    PyObject *decode_error;
} State;

enum { HEADER_SIZE = 5 };

/* Of `Envelope`: how many fields, and the places of two. */
enum { FIELDS = 14, REST = 12, BODY = 13 };

extern PyType_Spec codec_spec, reader_spec;
extern PyMethodDef binary_methods[];

#endif
