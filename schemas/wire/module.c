#include "wire.h"

#ifndef SOURCE_SHA256
#define SOURCE_SHA256 ""
#endif

static int wire_exec(PyObject *module)
{
    State *state = PyModule_GetState(module);
    PyObject *errors = PyImport_ImportModule("schemas.errors");
    if (errors == NULL)
        return -1;
    state->decode_error = PyObject_GetAttrString(errors, "DecodeError");
    Py_DECREF(errors);
    if (state->decode_error == NULL || PyModule_AddStringConstant(module, "SOURCE_SHA256", SOURCE_SHA256) < 0)
        return -1;
    PyType_Spec *specs[] = {&codec_spec, &reader_spec};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        PyObject *type = PyType_FromModuleAndSpec(module, specs[i], NULL);
        if (type == NULL)
            return -1;
        int failed = PyModule_AddType(module, (PyTypeObject *)type);
        Py_DECREF(type);
        if (failed)
            return -1;
    }
    return 0;
}

static int wire_traverse(PyObject *module, visitproc visit, void *arg)
{
    State *state = PyModule_GetState(module);
    Py_VISIT(state->decode_error);
    return 0;
}

static int wire_clear(PyObject *module)
{
    State *state = PyModule_GetState(module);
    Py_CLEAR(state->decode_error);
    return 0;
}

static PyModuleDef_Slot wire_slots[] = {
    {Py_mod_exec, wire_exec},
    {0, NULL},
};

static struct PyModuleDef wire_module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "schemas._wire",
    .m_doc = "The wire format, compiled.",
    .m_size = sizeof(State),
    .m_methods = binary_methods,
    .m_slots = wire_slots,
    .m_traverse = wire_traverse,
    .m_clear = wire_clear,
};

PyMODINIT_FUNC PyInit__wire(void)
{
    return PyModuleDef_Init(&wire_module);
}
