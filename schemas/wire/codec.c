/* Codec: encode and decode of one schema. */
#include "read.h"
#include "write.h"

/* A schema, as `codec.py` plans it. */

typedef enum { RECORD, OPTIONAL, ENUM, STRING, BYTES, INT, LONG, BOOLEAN, ARRAY, MAP } Kind;

static const char *const KINDS[] = {"record", "optional", "enum",    "string", "bytes",
                                    "int",    "long",     "boolean", "array",  "map"};

typedef struct Node {
    Kind kind;
    int has_default;
    PyObject *name;    /* of a record's field, interned */
    Py_ssize_t size;   /* parts: fields of a record, one of an optional, an array, a map */
    struct Node *parts;
    PyObject *empty;   /* of a record: every field null, in order; copied, since that is the quickest way to a dict */
    PyObject *symbols; /* of an enum: a tuple */
    PyObject *numbers; /* of an enum: symbol -> number */
} Node;

static void node_clear(Node *node)
{
    for (Py_ssize_t i = 0; node->parts != NULL && i < node->size; i++)
        node_clear(&node->parts[i]);
    PyMem_Free(node->parts);
    node->parts = NULL;
    Py_CLEAR(node->name);
    Py_CLEAR(node->empty);
    Py_CLEAR(node->symbols);
    Py_CLEAR(node->numbers);
}

static int node_init(Node *node, PyObject *plan);

static int node_parts(Node *node, Py_ssize_t size)
{
    node->parts = PyMem_Calloc(size > 0 ? (size_t)size : 1, sizeof(Node));
    if (node->parts == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    node->size = size;
    return 0;
}

/* `fields`: a tuple of (name, has a default, plan). */
static int node_record(Node *node, PyObject *fields)
{
    if (!PyTuple_Check(fields)) {
        PyErr_SetString(PyExc_TypeError, "a record's plan is a tuple of fields");
        return -1;
    }
    if (node_parts(node, PyTuple_GET_SIZE(fields)) < 0 || (node->empty = PyDict_New()) == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < node->size; i++) {
        Node *part = &node->parts[i];
        PyObject *name, *plan;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(fields, i), "UpO", &name, &part->has_default, &plan))
            return -1;
        part->name = Py_NewRef(name);
        PyUnicode_InternInPlace(&part->name);
        if (PyDict_SetItem(node->empty, part->name, Py_None) < 0 || node_init(part, plan) < 0)
            return -1;
    }
    return 0;
}

static int node_enum(Node *node, PyObject *symbols)
{
    if (!PyTuple_Check(symbols)) {
        PyErr_SetString(PyExc_TypeError, "an enum's plan is a tuple of symbols");
        return -1;
    }
    node->symbols = Py_NewRef(symbols);
    if ((node->numbers = PyDict_New()) == NULL)
        return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(symbols); i++) {
        PyObject *number = PyLong_FromSsize_t(i);
        if (number == NULL)
            return -1;
        int failed = PyDict_SetItem(node->numbers, PyTuple_GET_ITEM(symbols, i), number);
        Py_DECREF(number);
        if (failed)
            return -1;
    }
    return 0;
}

/* `plan`: (kind, what the kind needs). */
static int node_init(Node *node, PyObject *plan)
{
    PyObject *name, *of;
    if (!PyTuple_Check(plan)) {
        PyErr_SetString(PyExc_TypeError, "a plan is a tuple");
        return -1;
    }
    if (!PyArg_ParseTuple(plan, "UO", &name, &of))
        return -1;
    size_t kind = 0;
    while (kind <= MAP && PyUnicode_CompareWithASCIIString(name, KINDS[kind]) != 0)
        kind++;
    if (kind > MAP) {
        PyErr_Format(PyExc_TypeError, "no code for %R", name);
        return -1;
    }
    node->kind = (Kind)kind;
    if (Py_EnterRecursiveCall(" in a plan"))
        return -1;
    int result = 0;
    switch (node->kind) {
    case RECORD:
        result = node_record(node, of);
        break;
    case ENUM:
        result = node_enum(node, of);
        break;
    case OPTIONAL:
    case ARRAY:
    case MAP:
        result = node_parts(node, 1) < 0 ? -1 : node_init(node->parts, of);
        break;
    default:
        break;
    }
    Py_LeaveRecursiveCall();
    return result;
}

static PyObject *decode_value(const Node *node, Cursor *c);

static PyObject *decode_record(const Node *node, Cursor *c)
{
    PyObject *out = PyDict_Copy(node->empty);
    for (Py_ssize_t i = 0; out != NULL && i < node->size; i++) {
        const Node *part = &node->parts[i];
        if (part->kind == OPTIONAL && c->p < c->end && *c->p == 0) {
            c->p++;
            continue;
        }
        PyObject *value = decode_value(part, c);
        if (value == NULL || PyDict_SetItem(out, part->name, value) < 0)
            Py_CLEAR(out);
        Py_XDECREF(value);
    }
    return out;
}

static PyObject *decode_array(const Node *node, Cursor *c)
{
    PyObject *out = PyList_New(0);
    while (out != NULL) {
        uint64_t count;
        if (read_count(c, &count, "a count that runs past the end") < 0) {
            Py_CLEAR(out);
            break;
        }
        if (count == 0)
            break;
        for (; out != NULL && count > 0; count--) {
            PyObject *item = decode_value(node->parts, c);
            if (item == NULL || PyList_Append(out, item) < 0)
                Py_CLEAR(out);
            Py_XDECREF(item);
        }
    }
    return out;
}

static PyObject *decode_map(const Node *node, Cursor *c)
{
    PyObject *out = PyDict_New();
    while (out != NULL) {
        uint64_t count;
        if (read_count(c, &count, "a count that runs past the end") < 0) {
            Py_CLEAR(out);
            break;
        }
        if (count == 0)
            break;
        for (; out != NULL && count > 0; count--) {
            PyObject *key = read_string(c);
            PyObject *item = key == NULL ? NULL : decode_value(node->parts, c);
            if (item == NULL || PyDict_SetItem(out, key, item) < 0)
                Py_CLEAR(out);
            Py_XDECREF(key);
            Py_XDECREF(item);
        }
    }
    return out;
}

static PyObject *decode_value(const Node *node, Cursor *c)
{
    uint64_t n;
    uint8_t byte;
    size_t size;
    PyObject *out;
    switch (node->kind) {
    case RECORD:
        return decode_record(node, c);
    case OPTIONAL:
        if (read_byte(c, &byte) < 0)
            return NULL;
        if (byte == 0)
            Py_RETURN_NONE;
        if (byte == 2)
            return decode_value(node->parts, c);
        refuse(c, "a union branch that does not exist");
        return NULL;
    case ENUM:
        if (read_zigzag(c, &n) < 0)
            return NULL;
        if (n & 1 || n >> 1 >= (uint64_t)PyTuple_GET_SIZE(node->symbols)) {
            refuse(c, "an enum symbol that does not exist");
            return NULL;
        }
        return Py_NewRef(PyTuple_GET_ITEM(node->symbols, (Py_ssize_t)(n >> 1)));
    case STRING:
        return read_string(c);
    case BYTES:
        if (read_length(c, &size) < 0)
            return NULL;
        out = PyBytes_FromStringAndSize((const char *)c->p, (Py_ssize_t)size);
        c->p += size;
        return out;
    case INT:
    case LONG:
        if (read_zigzag(c, &n) < 0)
            return NULL;
        if (node->kind == INT && n >> 32) {
            refuse(c, "an int of more than 32 bits");
            return NULL;
        }
        return PyLong_FromLongLong(from_zigzag(n));
    case BOOLEAN:
        if (read_byte(c, &byte) < 0)
            return NULL;
        if (byte > 1) {
            refuse(c, "a boolean that is neither 0 nor 1");
            return NULL;
        }
        return PyBool_FromLong(byte);
    case ARRAY:
        return decode_array(node, c);
    case MAP:
        return decode_map(node, c);
    }
    Py_UNREACHABLE();
}

static int encode_value(const Node *node, PyObject *value, Out *out);

/* A new reference to a field's value: null where a field with a default is missing. */
static PyObject *field_of(PyObject *record, const Node *part)
{
    if (PyDict_CheckExact(record)) {
        PyObject *value = PyDict_GetItemWithError(record, part->name);
        if (value != NULL)
            return Py_NewRef(value);
        if (PyErr_Occurred())
            return NULL;
        if (part->has_default)
            Py_RETURN_NONE;
        PyErr_SetObject(PyExc_KeyError, part->name);
        return NULL;
    }
    return part->has_default ? PyObject_CallMethod(record, "get", "O", part->name) : PyObject_GetItem(record, part->name);
}

static int encode_record(const Node *node, PyObject *value, Out *out)
{
    for (Py_ssize_t i = 0; i < node->size; i++) {
        const Node *part = &node->parts[i];
        PyObject *field = field_of(value, part);
        if (field == NULL)
            return -1;
        int failed = encode_value(part, field, out);
        Py_DECREF(field);
        if (failed)
            return -1;
    }
    return 0;
}

static int encode_enum(const Node *node, PyObject *value, Out *out)
{
    PyObject *number = PyDict_GetItemWithError(node->numbers, value);
    if (number != NULL)
        return put_number(out, number);
    if (!PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, value);
    return -1;
}

/* One item of an array, or one (key, value) of a map. */
static int encode_item(const Node *node, PyObject *item, Out *out)
{
    if (node->kind == ARRAY)
        return encode_value(node->parts, item, out);
    PyObject *key, *value;
    if (!PyTuple_CheckExact(item) || PyTuple_GET_SIZE(item) != 2) {
        PyErr_SetString(PyExc_TypeError, "a map's items are pairs");
        return -1;
    }
    key = PyTuple_GET_ITEM(item, 0);
    value = PyTuple_GET_ITEM(item, 1);
    return put_string(out, key) < 0 ? -1 : encode_value(node->parts, value, out);
}

static int encode_block(const Node *node, PyObject *value, Out *out)
{
    int any = PyObject_IsTrue(value);
    if (any <= 0)
        return any < 0 ? -1 : put_byte(out, 0);
    Py_ssize_t size = PyObject_Size(value);
    if (size < 0 || put_long(out, size) < 0)
        return -1;
    PyObject *items = node->kind == MAP ? PyObject_CallMethod(value, "items", NULL) : Py_NewRef(value);
    PyObject *iterator = items == NULL ? NULL : PyObject_GetIter(items);
    Py_XDECREF(items);
    if (iterator == NULL)
        return -1;
    PyObject *item;
    int failed = 0;
    while (!failed && (item = PyIter_Next(iterator)) != NULL) {
        failed = encode_item(node, item, out);
        Py_DECREF(item);
    }
    Py_DECREF(iterator);
    return failed || PyErr_Occurred() ? -1 : put_byte(out, 0);
}

static int encode_value(const Node *node, PyObject *value, Out *out)
{
    int yes;
    switch (node->kind) {
    case RECORD:
        return encode_record(node, value, out);
    case OPTIONAL:
        if (value == Py_None)
            return put_byte(out, 0);
        return put_byte(out, 2) < 0 ? -1 : encode_value(node->parts, value, out);
    case ENUM:
        return encode_enum(node, value, out);
    case STRING:
        return put_string(out, value);
    case BYTES:
        return put_bytes_like(out, value);
    case INT:
    case LONG:
        return put_number(out, value);
    case BOOLEAN:
        yes = PyObject_IsTrue(value);
        return yes < 0 ? -1 : put_byte(out, (uint8_t)yes);
    case ARRAY:
    case MAP:
        return encode_block(node, value, out);
    }
    Py_UNREACHABLE();
}

typedef struct {
    PyObject_HEAD
    Node root;
} Codec;

static PyObject *codec_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *plan;
    if (!PyArg_ParseTuple(args, "O:Codec", &plan))
        return NULL;
    Codec *self = (Codec *)type->tp_alloc(type, 0);
    if (self != NULL && node_init(&self->root, plan) < 0)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void codec_dealloc(Codec *self)
{
    PyTypeObject *type = Py_TYPE(self);
    node_clear(&self->root);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *codec_decode(Codec *self, PyObject *const *args, Py_ssize_t given, PyObject *names)
{
    Py_ssize_t position = 0;
    int to_end = 1;
    if (given < 1 || given > 2) {
        PyErr_SetString(PyExc_TypeError, "decode() takes a buffer and a position");
        return NULL;
    }
    if (given == 2 && (position = PyLong_AsSsize_t(args[1])) == -1 && PyErr_Occurred())
        return NULL;
    for (Py_ssize_t i = 0; names != NULL && i < PyTuple_GET_SIZE(names); i++) {
        if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(names, i), "to_end") != 0) {
            PyErr_Format(PyExc_TypeError, "decode() has no keyword %R", PyTuple_GET_ITEM(names, i));
            return NULL;
        }
        if ((to_end = PyObject_IsTrue(args[given + i])) < 0)
            return NULL;
    }
    Cursor c;
    if (cursor_init(&c, PyType_GetModuleState(Py_TYPE(self)), args[0], position, "") < 0)
        return NULL;
    PyObject *value = decode_value(&self->root, &c);
    if (value == NULL)
        return NULL;
    if (to_end && c.p != c.end) {
        Py_DECREF(value);
        refuse(&c, "the record does not end where its bytes end");
        return NULL;
    }
    PyObject *behind = PyLong_FromSsize_t(c.p - c.start);
    PyObject *out = behind == NULL ? NULL : PyTuple_New(2);
    if (out == NULL) {
        Py_DECREF(value);
        Py_XDECREF(behind);
        return NULL;
    }
    PyTuple_SET_ITEM(out, 0, value);
    PyTuple_SET_ITEM(out, 1, behind);
    return out;
}

static PyObject *codec_encode(Codec *self, PyObject *value)
{
    Out out;
    out_init(&out);
    PyObject *raw = NULL;
    if (encode_value(&self->root, value, &out) == 0)
        raw = PyBytes_FromStringAndSize((const char *)out.start, out.p - out.start);
    out_free(&out);
    return raw;
}

static PyMethodDef codec_methods[] = {
    {"decode", (PyCFunction)(void (*)(void))codec_decode, METH_FASTCALL | METH_KEYWORDS, NULL},
    {"encode", (PyCFunction)codec_encode, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot codec_slots[] = {
    {Py_tp_doc, "Codec(plan): encode and decode of one schema."},
    {Py_tp_new, codec_new},
    {Py_tp_dealloc, codec_dealloc},
    {Py_tp_methods, codec_methods},
    {0, NULL},
};

PyType_Spec codec_spec = {
    "schemas._wire.Codec",
    sizeof(Codec),
    0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    codec_slots,
};
