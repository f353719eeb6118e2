/* Longs and texts, as `binary.py` has them, and `envelope.stamp`. */
#include "read.h"
#include "write.h"

static PyObject *taken(Out *out)
{
    PyObject *raw = PyBytes_FromStringAndSize((const char *)out->start, out->p - out->start);
    out_free(out);
    return raw;
}

static PyObject *long_bytes(PyObject *Py_UNUSED(module), PyObject *value)
{
    Out out;
    out_init(&out);
    return put_number(&out, value) < 0 ? NULL : taken(&out);
}

static PyObject *text_bytes(PyObject *Py_UNUSED(module), PyObject *value)
{
    Out out;
    out_init(&out);
    if (put_string(&out, value) < 0) {
        out_free(&out);
        return NULL;
    }
    return taken(&out);
}

/* The arguments of what reads: a buffer and a position. */
static int start(Cursor *c, PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    if (given != 2) {
        PyErr_SetString(PyExc_TypeError, "a buffer and a position are needed");
        return -1;
    }
    Py_ssize_t position = PyLong_AsSsize_t(args[1]);
    if (position == -1 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_OverflowError))
            PyErr_SetString(PyExc_IndexError, "index out of range");
        return -1;
    }
    return cursor_init(c, PyModule_GetState(module), args[0], position, NULL);
}

/* (value, position behind); the value's reference is taken over. */
static PyObject *with_position(PyObject *value, Py_ssize_t position)
{
    PyObject *behind = value == NULL ? NULL : PyLong_FromSsize_t(position);
    PyObject *out = behind == NULL ? NULL : PyTuple_New(2);
    if (out == NULL) {
        Py_XDECREF(value);
        Py_XDECREF(behind);
        return NULL;
    }
    PyTuple_SET_ITEM(out, 0, value);
    PyTuple_SET_ITEM(out, 1, behind);
    return out;
}

static PyObject *binary_read_long(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Cursor c;
    uint64_t n;
    if (start(&c, module, args, given) < 0 || read_zigzag(&c, &n) < 0)
        return NULL;
    return with_position(PyLong_FromLongLong(from_zigzag(n)), c.p - c.start);
}

static PyObject *binary_read_text(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Cursor c;
    if (start(&c, module, args, given) < 0)
        return NULL;
    PyObject *text = read_text(&c);
    return with_position(text, c.p - c.start);
}

static PyObject *binary_behind_long(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Cursor c;
    uint8_t byte = 128;
    if (start(&c, module, args, given) < 0)
        return NULL;
    while (byte > 127)
        if (read_byte(&c, &byte) < 0)
            return NULL;
    return PyLong_FromSsize_t(c.p - c.start);
}

static PyObject *binary_behind_optional_text(PyObject *module, PyObject *const *args, Py_ssize_t given)
{
    Cursor c;
    uint8_t branch;
    uint64_t n;
    if (start(&c, module, args, given) < 0 || read_byte(&c, &branch) < 0)
        return NULL;
    if (branch != 0) {
        if (read_zigzag(&c, &n) < 0)
            return NULL;
        if (n >> 1 > left(&c)) {
            truncated(&c);
            return NULL;
        }
        c.p += n >> 1;
    }
    return PyLong_FromSsize_t(c.p - c.start);
}

/* stamp(raw, event, epoch, place) */
static PyObject *stamp(PyObject *Py_UNUSED(module), PyObject *const *args, Py_ssize_t given)
{
    if (given != 4 || !PyBytes_Check(args[0]) || !PyTuple_Check(args[1]) || PyTuple_GET_SIZE(args[1]) != FIELDS) {
        PyErr_SetString(PyExc_TypeError, "a message, its envelope, epoch and place are needed");
        return NULL;
    }
    Py_ssize_t size = PyBytes_GET_SIZE(args[0]);
    Py_ssize_t rest = PyLong_AsSsize_t(PyTuple_GET_ITEM(args[1], REST));
    Py_ssize_t body = rest == -1 ? -1 : PyLong_AsSsize_t(PyTuple_GET_ITEM(args[1], BODY));
    if (body == -1 && PyErr_Occurred())
        return NULL;
    if (rest < HEADER_SIZE || body < rest || body > size) {
        PyErr_SetString(PyExc_ValueError, "the envelope of another message");
        return NULL;
    }
    Out out;
    out_init(&out);
    if (put_number(&out, args[2]) < 0 || put_number(&out, args[3]) < 0)
        return NULL;
    const char *old = PyBytes_AS_STRING(args[0]);
    Py_ssize_t stamps = out.p - out.start;
    PyObject *raw = PyBytes_FromStringAndSize(NULL, HEADER_SIZE + stamps + size - rest);
    if (raw == NULL)
        return NULL;
    char *to = PyBytes_AS_STRING(raw);
    memcpy(to, old, HEADER_SIZE);
    memcpy(to + HEADER_SIZE, out.start, (size_t)stamps);
    memcpy(to + HEADER_SIZE + stamps, old + rest, (size_t)(size - rest));
    return with_position(raw, HEADER_SIZE + stamps + body - rest);
}

#define FAST(name, function) {name, (PyCFunction)(void (*)(void))function, METH_FASTCALL, NULL}

PyMethodDef binary_methods[] = {
    {"long_bytes", long_bytes, METH_O, NULL},
    {"text_bytes", text_bytes, METH_O, NULL},
    FAST("read_long", binary_read_long),
    FAST("read_text", binary_read_text),
    FAST("behind_long", binary_behind_long),
    FAST("behind_optional_text", binary_behind_optional_text),
    FAST("stamp", stamp),
    {NULL, NULL, 0, NULL},
};
