/* Reading: everything comes from outside, so no byte is looked at before it is known to lie within the buffer. What fails
 * returns -1 or NULL with an exception set.
 */
#ifndef HEMIS_READ_H
#define HEMIS_READ_H

#include "wire.h"

typedef struct {
    const uint8_t *start, *p, *end;
    PyObject *decode_error;
    const char *part; /* goes before "IndexError" and "UnicodeDecodeError"; NULL: they are raised as such */
} Cursor;

static inline int refuse(Cursor *c, const char *why)
{
    PyObject *error = PyObject_CallFunction(c->decode_error, "s", why);
    if (error != NULL) {
        PyErr_SetObject(c->decode_error, error);
        Py_DECREF(error);
    }
    return -1;
}

static inline int refuse_as(Cursor *c, const char *name)
{
    char why[64];
    PyOS_snprintf(why, sizeof why, "%s%s", c->part, name);
    return refuse(c, why);
}

static inline int truncated(Cursor *c)
{
    if (c->part != NULL)
        return refuse_as(c, "IndexError");
    PyErr_SetString(PyExc_IndexError, "index out of range");
    return -1;
}

static inline size_t left(const Cursor *c)
{
    return (size_t)(c->end - c->p);
}

static inline int read_byte(Cursor *c, uint8_t *out)
{
    if (c->p >= c->end)
        return truncated(c);
    *out = *c->p++;
    return 0;
}

static inline int read_zigzag_rest(Cursor *c, uint64_t *out)
{
    uint64_t n = *out & 127;
    for (int shift = 7;; shift += 7) {
        uint8_t byte = 0;
        if (read_byte(c, &byte) < 0)
            return -1;
        if (shift == 63 && byte > 127)
            return refuse(c, "a long of more than ten bytes");
        if (shift == 63 && byte > 1)
            return refuse(c, "a long of more than 64 bits");
        n |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) {
            *out = n;
            return 0;
        }
    }
}

/* A long as it lies there, still zigzag. */
static inline int read_zigzag(Cursor *c, uint64_t *out)
{
    uint8_t first = 0;
    if (read_byte(c, &first) < 0)
        return -1;
    *out = first;
    return first > 127 ? read_zigzag_rest(c, out) : 0;
}

static inline int64_t from_zigzag(uint64_t n)
{
    return (int64_t)((n >> 1) ^ (0 - (n & 1)));
}

/* The text of the next `size` bytes, which lie within the buffer. */
static inline PyObject *read_utf8(Cursor *c, size_t size)
{
    PyObject *text = PyUnicode_DecodeUTF8((const char *)c->p, (Py_ssize_t)size, NULL);
    if (text == NULL && c->part != NULL && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
        PyErr_Clear();
        refuse_as(c, "UnicodeDecodeError");
    }
    c->p += size;
    return text;
}

static inline int read_length(Cursor *c, size_t *size)
{
    uint64_t n;
    if (read_zigzag(c, &n) < 0)
        return -1;
    if (n & 1)
        return refuse(c, "a negative length");
    if (n >> 1 > left(c))
        return refuse(c, "a length that runs past the end");
    *size = (size_t)(n >> 1);
    return 0;
}

static inline PyObject *read_string(Cursor *c)
{
    size_t size;
    if (read_length(c, &size) < 0)
        return NULL;
    const uint8_t *at = c->p;
    PyObject *text = read_utf8(c, size);
    if (text != NULL && memchr(at, 0, size) != NULL) {
        refuse(c, "a NUL character");
        Py_CLEAR(text);
    }
    return text;
}

/* A block's count; its size, which may follow, is passed over. */
static inline int read_count(Cursor *c, uint64_t *count, const char *past_the_end)
{
    uint64_t n, size;
    if (read_zigzag(c, &n) < 0)
        return -1;
    *count = n >> 1;
    if (n & 1) {
        *count += 1;
        if (read_zigzag(c, &size) < 0)
            return -1;
    }
    return *count > (uint64_t)(c->end - c->start) ? refuse(c, past_the_end) : 0;
}

/* A string in which NUL passes. */
static inline PyObject *read_text(Cursor *c)
{
    uint64_t n;
    if (read_zigzag(c, &n) < 0)
        return NULL;
    if (n & 1 || n >> 1 > left(c)) {
        refuse(c, "a length that runs past the end");
        return NULL;
    }
    return read_utf8(c, (size_t)(n >> 1));
}

static inline int cursor_init(Cursor *c, const State *state, PyObject *raw, Py_ssize_t position, const char *part)
{
    if (!PyBytes_Check(raw)) {
        PyErr_Format(PyExc_TypeError, "bytes are needed, not %.100s", Py_TYPE(raw)->tp_name);
        return -1;
    }
    c->start = (const uint8_t *)PyBytes_AS_STRING(raw);
    c->end = c->start + PyBytes_GET_SIZE(raw);
    c->p = c->start;
    c->decode_error = state->decode_error;
    c->part = part;
    if (position < 0 || position > PyBytes_GET_SIZE(raw))
        return truncated(c);
    c->p += position;
    return 0;
}

#endif
