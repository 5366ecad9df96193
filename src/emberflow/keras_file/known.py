"""What a Keras file may name, as words. Knows no Keras: everything that isn't listed here is refused before Keras sees it."""

from collections.abc import Mapping


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


LAYERS = _words("""
Activation ActivityRegularization AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
AdaptiveMaxPooling2D AdaptiveMaxPooling3D Add AdditiveAttention AlphaDropout Attention AugMix AutoContrast Average AveragePooling1D
AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BatchNormalization BatchNormalizationV1 BatchNormalizationV2 Bidirectional
CategoryEncoding CenterCrop Concatenate ContrastLimitedAdaptiveHistogramEqualization Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Convolution1D Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D
Convolution3DTranspose Cropping1D Cropping2D Cropping3D CutMix Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
EinsumDense Embedding Equalization Flatten GRU GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
GlobalAveragePooling3D GlobalAvgPool1D GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization GroupQueryAttention GroupedQueryAttention HashedCrossing Hashing Identity
InputLayer LSTM LSTMCell LayerNormalization LeakyReLU LocallyConnected1D LocallyConnected2D Masking MaxNumBoundingBoxes MaxPool1D MaxPool2D
MaxPool3D MaxPooling1D MaxPooling2D MaxPooling3D Maximum MelSpectrogram Minimum MixUp MultiHeadAttention Multiply Normalization PReLU
Permute Pipeline RMSNormalization RNN RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective
RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth RandomZoom ReLU RepeatVector
Rescaling Reshape Resizing ReversibleEmbedding STFTSpectrogram SeparableConv1D SeparableConv2D SeparableConvolution1D SeparableConvolution2D
SimpleRNN SimpleRNNCell Softmax Solarization SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells
Subtract ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D ZeroPadding1D ZeroPadding2D ZeroPadding3D
""")
"""Layers of either Keras that compute with what their configuration says, and touch nothing else."""

CODE = "carries Python code, which would run on this machine"
_FILES = "reads a file that it names (CVE-2025-12058), and takes text, which no chip gets"
_BY_NAME = "calls any function of TensorFlow by its name, such as one that writes files"
_TFMOT = "is a wrapper of TensorFlow Model Optimization"

REFUSED: Mapping[str, tuple[str, str]] = {
    "Lambda": (CODE, "replace it by layers of Keras"),
    "__lambda__": (CODE, "replace it by layers of Keras"),
    "JaxLayer": (CODE, "bring the model as .tflite"),
    "FlaxLayer": (CODE, "bring the model as .tflite"),
    "TorchModuleWrapper": ("holds a pickled PyTorch module, which runs code when it is read (CVE-2025-49655)", "bring the model as .tflite"),
    "TFSMLayer": ("loads a SavedModel from a path that it names (CVE-2026-1462)", "bring that SavedModel itself"),
    "StringLookup": (_FILES, "do that outside of the model"),
    "IntegerLookup": (_FILES, "do that outside of the model"),
    "TextVectorization": (_FILES, "do that outside of the model"),
    "DenseFeatures": (_FILES, "do that outside of the model"),
    "TensorFlowOpLayer": (_BY_NAME, "build the model with layers of Keras"),
    "ClassMethod": (_BY_NAME, "build the model with layers of Keras"),
    "InstanceMethod": (_BY_NAME, "build the model with layers of Keras"),
    "InstanceProperty": (_BY_NAME, "build the model with layers of Keras"),
    "TFClassMethodDispatch": (_BY_NAME, "build the model with layers of Keras"),
    "__typespec__": ("names a class of any module", "build the model with layers of Keras"),
    "PruneLowMagnitude": (_TFMOT, "save what tfmot.sparsity.keras.strip_pruning gives, or bring the model from before pruning"),
    "ClusterWeights": (_TFMOT, "save what tfmot.clustering.keras.strip_clustering gives, or bring the model from before clustering"),
    "QuantizeWrapper": (_TFMOT, "bring the float model from before quantization"),
    "QuantizeWrapperV2": (_TFMOT, "bring the float model from before quantization"),
    "QuantizeLayer": (_TFMOT, "bring the float model from before quantization"),
    "QuantizeAnnotate": (_TFMOT, "bring the float model from before quantization"),
    "QuantizedDTypePolicy": ("is quantized by Keras", "bring the float model from before quantization"),
    "QuantizedFloat8DTypePolicy": ("is quantized by Keras", "bring the float model from before quantization"),
    "Int4DTypePolicy": ("is quantized by Keras", "bring the float model from before quantization"),
    "GPTQDTypePolicy": ("is quantized by Keras", "bring the float model from before quantization"),
    "AWQDTypePolicy": ("is quantized by Keras", "bring the float model from before quantization"),
    "DTypePolicyMap": ("is quantized by Keras", "bring the float model from before quantization"),
}
"""By class, what it would do and what to do instead. Their paths, modules and functions come out of the file."""

MAY_BE_TRUSTED = frozenset({"Lambda", "__lambda__"})
"""What `trust_model_code` lets through; the others can't become firmware whoever is trusted."""

MODELS = frozenset({"Functional", "Model", "Sequential"})

_SETTINGS = _words("""
Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity IdentityInitializer LecunNormal LecunUniform Ones Orthogonal
OrthogonalInitializer RandomNormal RandomUniform STFT STFTInitializer TruncatedNormal VarianceScaling Zeros L1 L2 L1L2 OrthogonalRegularizer
MaxNorm MinMaxNorm NonNeg RadialConstraint UnitNorm DTypePolicy FloatDTypePolicy Policy TensorShape __tuple__ __ellipsis__ __slice__
__keras_tensor__ __tensor__ __numpy__
""")
"""Initializers, regularizers, constraints, number formats, and the notations for values that JSON hasn't."""

CLASSES = LAYERS | MODELS | _SETTINGS

ACTIVATIONS = _words("""
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear log_sigmoid log_softmax mish relu
relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink
threshold
""")
"""What may be said as an activation; a layer such as LeakyReLU too."""

TENSORFLOW_FUNCTIONS = _words("""
concat reshape transpose squeeze expand_dims stack unstack split slice strided_slice pad tile gather clip_by_value cast identity reverse
roll where zeros_like ones_like shape repeat abs image.resize compat.v1.transpose compat.v1.squeeze compat.v1.gather compat.v1.pad
compat.v1.shape
""")
"""Functions that a TFOpLambda layer may call, besides those that compute only by where they are: tf.math, tf.nn, tf.linalg and operators such as +."""

CALLS_TENSORFLOW = frozenset({"TFOpLambda", "SlicingOpLambda"})
COMPUTING_MODULES = ("math.", "nn.", "linalg.", "__operators__.")
OPERATOR_MODULES = ("keras.src.ops.", "keras.ops.")
