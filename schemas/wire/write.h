/* Writing into memory that grows. What fails returns -1 with an exception set. */
#ifndef HEMIS_WRITE_H
#define HEMIS_WRITE_H

#include "wire.h"

typedef struct {
    uint8_t *start, *p, *end;
    uint8_t small[1024];
} Out;

static inline void out_init(Out *out)
{
    out->start = out->p = out->small;
    out->end = out->small + sizeof out->small;
}

static inline void out_free(Out *out)
{
    if (out->start != out->small)
        PyMem_Free(out->start);
}

static inline int out_grow(Out *out, size_t more)
{
    size_t used = (size_t)(out->p - out->start), size = (size_t)(out->end - out->start);
    if (more > (size_t)PY_SSIZE_T_MAX / 2 - used) {
        PyErr_NoMemory();
        return -1;
    }
    while (size - used < more)
        size *= 2;
    uint8_t *grown = out->start == out->small ? PyMem_Malloc(size) : PyMem_Realloc(out->start, size);
    if (grown == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (out->start == out->small)
        memcpy(grown, out->small, used);
    out->start = grown;
    out->p = grown + used;
    out->end = grown + size;
    return 0;
}

static inline int out_room(Out *out, size_t more)
{
    return (size_t)(out->end - out->p) < more ? out_grow(out, more) : 0;
}

static inline int put_byte(Out *out, uint8_t byte)
{
    if (out_room(out, 1) < 0)
        return -1;
    *out->p++ = byte;
    return 0;
}

static inline int put_long(Out *out, int64_t value)
{
    uint64_t n = ((uint64_t)value << 1) ^ (value < 0 ? UINT64_MAX : 0);
    if (out_room(out, 10) < 0)
        return -1;
    while (n > 127) {
        *out->p++ = (uint8_t)(n & 127) | 128;
        n >>= 7;
    }
    *out->p++ = (uint8_t)n;
    return 0;
}

static inline int put_sized(Out *out, const char *raw, Py_ssize_t size)
{
    if (put_long(out, size) < 0 || out_room(out, (size_t)size) < 0)
        return -1;
    memcpy(out->p, raw, (size_t)size);
    out->p += size;
    return 0;
}

static inline int put_bytes_like(Out *out, PyObject *value)
{
    if (PyBytes_Check(value))
        return put_sized(out, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value));
    Py_buffer view;
    if (PyObject_GetBuffer(value, &view, PyBUF_SIMPLE) < 0)
        return -1;
    int result = put_sized(out, view.buf, view.len);
    PyBuffer_Release(&view);
    return result;
}

static inline int put_string(Out *out, PyObject *value)
{
    if (PyUnicode_CheckExact(value) && PyUnicode_IS_COMPACT_ASCII(value))
        return put_sized(out, PyUnicode_DATA(value), PyUnicode_GET_LENGTH(value));
    /* Not PyUnicode_AsUTF8: it would keep a second copy in the text for as long as that lives. */
    PyObject *raw =
        PyUnicode_CheckExact(value) ? PyUnicode_AsUTF8String(value) : PyObject_CallMethod(value, "encode", NULL);
    if (raw == NULL)
        return -1;
    int result = put_bytes_like(out, raw);
    Py_DECREF(raw);
    return result;
}

static inline int put_number(Out *out, PyObject *value)
{
    if (!PyLong_Check(value)) {
        PyErr_Format(PyExc_TypeError, "an int is needed, not %.100s", Py_TYPE(value)->tp_name);
        return -1;
    }
    long long number = PyLong_AsLongLong(value);
    return number == -1 && PyErr_Occurred() ? -1 : put_long(out, number);
}

#endif
