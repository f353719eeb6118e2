/* EnvelopeReader: the fixed prefix of a message. */
#include "read.h"

enum { ORIGINS = 256 };

/* Instance and source table: the same bytes in every event of a table, so that the same texts are given out again. */
typedef struct {
    PyObject *raw, *instance, *table;
} Origin;

typedef struct {
    PyObject_HEAD
    PyObject *kind;     /* the class Envelope */
    PyObject *no_texts; /* what `untyped` is mostly */
    Origin origins[ORIGINS];
} Reader;

static PyObject *reader_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *kind;
    if (!PyArg_ParseTuple(args, "O!:EnvelopeReader", &PyType_Type, &kind))
        return NULL;
    if (!PyType_IsSubtype((PyTypeObject *)kind, &PyTuple_Type)) {
        PyErr_SetString(PyExc_TypeError, "an envelope is a named tuple");
        return NULL;
    }
    Reader *self = (Reader *)type->tp_alloc(type, 0);
    if (self == NULL)
        return NULL;
    self->kind = Py_NewRef(kind);
    if ((self->no_texts = PyDict_New()) == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static int reader_traverse(Reader *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->kind);
    Py_VISIT(self->no_texts);
    return 0;
}

static int reader_clear(Reader *self)
{
    Py_CLEAR(self->kind);
    Py_CLEAR(self->no_texts);
    for (size_t i = 0; i < ORIGINS; i++) {
        Py_CLEAR(self->origins[i].raw);
        Py_CLEAR(self->origins[i].instance);
        Py_CLEAR(self->origins[i].table);
    }
    return 0;
}

static void reader_dealloc(Reader *self)
{
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    reader_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static uint64_t mixed(const uint8_t *raw, size_t size)
{
    uint64_t hash = size, word;
    for (; size >= sizeof word; raw += sizeof word, size -= sizeof word) {
        memcpy(&word, raw, sizeof word);
        hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    for (; size > 0; raw++, size--)
        hash = (hash ^ *raw) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

static int read_origin(Reader *self, Cursor *c, PyObject **instance, PyObject **table)
{
    const uint8_t *at = c->p;
    Origin *origin = NULL;
    size_t size = 0;
    if (at >= c->end)
        return truncated(c);
    if (at[0] < 128) {
        size_t behind = 1 + (size_t)(at[0] >> 1);
        if (behind >= left(c))
            return truncated(c);
        size = behind + 1 + (at[behind] >> 1);
        if (at[behind] < 128 && size <= left(c)) {
            origin = &self->origins[mixed(at, size) % ORIGINS];
            if (origin->raw != NULL && (size_t)PyBytes_GET_SIZE(origin->raw) == size &&
                memcmp(PyBytes_AS_STRING(origin->raw), at, size) == 0) {
                *instance = Py_NewRef(origin->instance);
                *table = Py_NewRef(origin->table);
                c->p += size;
                return 0;
            }
        }
    }
    if ((*instance = read_text(c)) == NULL || (*table = read_text(c)) == NULL)
        return -1;
    if (origin != NULL) {
        PyObject *raw = PyBytes_FromStringAndSize((const char *)at, (Py_ssize_t)size);
        if (raw == NULL)
            return -1;
        Py_XSETREF(origin->raw, raw);
        Py_XSETREF(origin->instance, Py_NewRef(*instance));
        Py_XSETREF(origin->table, Py_NewRef(*table));
    }
    return 0;
}

/* As in Python, what a truncated key has is decoded before it is found to be truncated. */
static PyObject *read_key(Cursor *c)
{
    uint64_t n;
    if (read_zigzag(c, &n) < 0)
        return NULL;
    if (n & 1) {
        refuse(c, "envelope: a negative length");
        return NULL;
    }
    size_t there = n >> 1 < left(c) ? (size_t)(n >> 1) : left(c);
    PyObject *key = read_utf8(c, there);
    if (key != NULL && there < n >> 1) {
        truncated(c);
        Py_CLEAR(key);
    }
    return key;
}

static PyObject *read_absent(Cursor *c)
{
    if (c->p < c->end && *c->p == 0) {
        c->p++;
        return PyTuple_New(0);
    }
    PyObject *names = PyList_New(0);
    while (names != NULL) {
        uint64_t count;
        if (read_count(c, &count, "envelope: a count that runs past the end") < 0) {
            Py_CLEAR(names);
            break;
        }
        if (count == 0)
            break;
        for (; names != NULL && count > 0; count--) {
            PyObject *name = read_text(c);
            if (name == NULL || PyList_Append(names, name) < 0)
                Py_CLEAR(names);
            Py_XDECREF(name);
        }
    }
    if (names == NULL)
        return NULL;
    PyObject *out = PyList_AsTuple(names);
    Py_DECREF(names);
    return out;
}

static PyObject *read_untyped_text(Cursor *c)
{
    PyObject *text = read_text(c);
    if (text != NULL && PyUnicode_FindChar(text, 0, 0, PyUnicode_GET_LENGTH(text), 1) >= 0) {
        refuse(c, "envelope: a NUL character");
        Py_CLEAR(text);
    }
    return text;
}

static PyObject *read_untyped(Reader *self, Cursor *c)
{
    if (c->p < c->end && *c->p == 0) {
        c->p++;
        return Py_NewRef(self->no_texts);
    }
    PyObject *texts = PyDict_New();
    while (texts != NULL) {
        uint64_t count;
        if (read_count(c, &count, "envelope: a count that runs past the end") < 0) {
            Py_CLEAR(texts);
            break;
        }
        if (count == 0)
            break;
        for (; texts != NULL && count > 0; count--) {
            PyObject *name = read_text(c);
            PyObject *text = name == NULL ? NULL : read_untyped_text(c);
            if (text == NULL || PyDict_SetItem(texts, name, text) < 0)
                Py_CLEAR(texts);
            Py_XDECREF(name);
            Py_XDECREF(text);
        }
    }
    return texts;
}

/* Fills `items` in the order of `Envelope`'s fields; on a failure the ones that are not NULL are the caller's to drop. */
static int read_fields(Reader *self, Cursor *c, PyObject **items)
{
    uint64_t epoch, place, version, changed_at, captured_at;
    if (left(c) < 2)
        return truncated(c);
    if (read_zigzag(c, &epoch) < 0 || read_zigzag(c, &place) < 0)
        return -1;
    Py_ssize_t rest = c->p - c->start;
    if (left(c) < 2)
        return truncated(c);
    uint8_t operation = *c->p++, snapshot = *c->p++;
    if (operation > 4 || operation & 1 || snapshot > 1)
        return refuse(c, "envelope: operation or snapshot flag");
    const char *clock = (const char *)c->p;
    if (read_zigzag(c, &version) < 0 || read_zigzag(c, &changed_at) < 0 || read_zigzag(c, &captured_at) < 0)
        return -1;
    Py_ssize_t clock_size = (const char *)c->p - clock;
    if (read_origin(self, c, &items[7], &items[8]) < 0 || (items[9] = read_key(c)) == NULL ||
        (items[10] = read_absent(c)) == NULL || (items[11] = read_untyped(self, c)) == NULL)
        return -1;
    items[0] = PyLong_FromLongLong(from_zigzag(epoch));
    items[1] = PyLong_FromLongLong(from_zigzag(place));
    items[2] = PyLong_FromLong(operation >> 1);
    items[3] = PyBool_FromLong(snapshot);
    items[4] = PyLong_FromLongLong(from_zigzag(version));
    items[5] = PyLong_FromLongLong(from_zigzag(changed_at));
    items[6] = PyBytes_FromStringAndSize(clock, clock_size);
    items[12] = PyLong_FromSsize_t(rest);
    items[13] = PyLong_FromSsize_t(c->p - c->start);
    for (size_t i = 0; i < FIELDS; i++)
        if (items[i] == NULL)
            return -1;
    return 0;
}

static PyObject *reader_read(Reader *self, PyObject *raw)
{
    Cursor c;
    if (cursor_init(&c, PyType_GetModuleState(Py_TYPE(self)), raw, 0, "envelope: ") < 0)
        return NULL;
    if (left(&c) < HEADER_SIZE) {
        truncated(&c);
        return NULL;
    }
    c.p += HEADER_SIZE;
    PyObject *items[FIELDS] = {NULL};
    PyObject *plain = read_fields(self, &c, items) < 0 ? NULL : PyTuple_New(FIELDS);
    if (plain == NULL) {
        for (size_t i = 0; i < FIELDS; i++)
            Py_XDECREF(items[i]);
        return NULL;
    }
    for (size_t i = 0; i < FIELDS; i++)
        PyTuple_SET_ITEM(plain, (Py_ssize_t)i, items[i]);
    PyObject *args = PyTuple_Pack(1, plain);
    Py_DECREF(plain);
    PyObject *out = args == NULL ? NULL : PyTuple_Type.tp_new((PyTypeObject *)self->kind, args, NULL);
    Py_XDECREF(args);
    return out;
}

static PyMethodDef reader_methods[] = {
    {"read", (PyCFunction)reader_read, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot reader_slots[] = {
    {Py_tp_doc, "EnvelopeReader(Envelope): reads the fixed prefix of a message."},
    {Py_tp_new, reader_new},
    {Py_tp_dealloc, reader_dealloc},
    {Py_tp_traverse, reader_traverse},
    {Py_tp_clear, reader_clear},
    {Py_tp_methods, reader_methods},
    {0, NULL},
};

PyType_Spec reader_spec = {
    "schemas._wire.EnvelopeReader",
    sizeof(Reader),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_IMMUTABLETYPE,
    reader_slots,
};
