"""Models as the converter writes them, in operators that work element by element, against TFLM."""

from emberflow.graph import read_graph
from tests.compiler.harness import differing_bytes
from tests.models import convert


def gated(keras):
    """Gates, residuals and activations: what keyword spotters and mobile nets are built from."""
    import tensorflow as tf

    layers = keras.layers
    image = keras.Input((6, 6, 3))
    x = layers.Conv2D(8, 3, padding="same")(image)
    y = layers.Add()([layers.Activation("sigmoid")(x), layers.PReLU(shared_axes=[1, 2], alpha_initializer="random_uniform")(layers.Conv2D(8, 1)(x))])
    y = layers.Subtract()([layers.Multiply()([y, layers.Activation("tanh")(x)]), layers.LeakyReLU(0.2)(x)])
    y = layers.Minimum()([layers.Maximum()([y, layers.ReLU()(x)]), layers.ReLU(6.0)(x)])
    y = layers.Multiply()([y, layers.Reshape((1, 1, 8))(layers.Dense(8, activation="sigmoid")(layers.GlobalAveragePooling2D()(y)))])
    y = layers.LayerNormalization()(y * tf.nn.relu6(y + 3.0) / 6.0)
    return keras.Model(image, layers.Softmax()(layers.Dense(10)(layers.Flatten()(y))))


def test_a_converted_model_of_elementwise_operators_equals_tflm():
    """Thirteen kinds of them among the operators, whose codes pass from one to the next."""
    import tf_keras as keras

    keras.utils.set_random_seed(0)
    model = convert(gated(keras), "int8")

    names = {operator.name for operator in read_graph(model).operators}
    assert {
        "ADD",
        "SUB",
        "MUL",
        "MAXIMUM",
        "MINIMUM",
        "LOGISTIC",
        "TANH",
        "LEAKY_RELU",
        "PRELU",
        "RELU6",
        "RSQRT",
        "SQUARED_DIFFERENCE",
        "SOFTMAX",
    } <= names
    differing, distinct = differing_bytes(model, samples=40)
    assert 0 == differing
    assert distinct > 25
