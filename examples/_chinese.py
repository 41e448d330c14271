"""What the examples' pictures say, in Chinese; ``fastnn.plot`` knows the words of its own."""

CHINESE = {
    # activations
    "What the hidden layers put out before training, the first layer at the bottom": (
        "训练前各隐藏层的输出，第一层在最下面"
    ),
    "(each histogram to its own height; the bar of ReLU's zeros is cut off)": (
        "（每个直方图按自身的最高处缩放；ReLU 的零值那一条被截短）"
    ),
    "without normalization": "不做归一化",
    "with batch normalization": "做批量归一化",
    ", {} layers": "，{} 层",
    "activation": "激活值",
    # batch_size
    "small mini-batches hurt batch norm (mean and range of 3 seeds)": (
        "小批量太小对批量归一化不利（3 个种子的均值和范围）"
    ),
    "rows in a mini-batch": "小批量的样本数",
    "wrong validation images (%)": "验证集错误率（%）",
    "no norm": "无归一化",
    "group norm ({})": "组归一化（{} 组）",
    # circles
    "cost of the training points": "训练点的代价",
    "steps (thousands)": "步数（千）",
    "cross-entropy": "交叉熵",
    "zeros": "全零",
    "({} at step 0)": "（第 0 步为 {}）",
    ": {} of the test points right": "：测试点准确率 {}",
    # learning_rate
    "threshold search: cost for each rate": "阈值搜索：每个学习率的代价",
    "cost of the training images": "训练图像的代价",
    "{} (too large)": "{}（太大）",
    "grid: right validation images (%)": "网格搜索：验证集准确率（%）",
    "λ for each 1000 images": "每 1000 张图像的 λ",
    "right (%)": "准确率（%）",
    # mnist_best
    "mistakes on the validation images": "验证集错误率",
    "wrong (%)": "错误率（%）",
    "seed {}: {} of test right": "种子 {}：测试集准确率 {}",
    # mnist_book
    "right test images of MNIST": "MNIST 测试集准确率",
    "(mark: the epoch best on the validation images)": "（标记：验证集上最好的一轮）",
    ", quadratic cost, η = 3": "，二次代价，η = 3",
    ", cross-entropy, η = 0.5, λ = 5": "，交叉熵，η = 0.5，λ = 5",
    # overfitting
    "no cure": "不加措施",
    "early stopping": "早停",
    "halving the rate": "学习率减半",
    "cross-entropy and penalty": "交叉熵加惩罚项",
    "cost of the validation images": "验证图像的代价",
    "right validation images": "验证集准确率",
    "right test images: {} networks each": "测试集准确率：每种 {} 个网络",
    # pretraining
    "fine-tuning, {} labelled images": "微调，{} 张有标签的图像",
    "(mean and range of {} seeds)": "（{} 个种子的均值和范围）",
    "right validation images (%)": "验证集准确率（%）",
    "random weights": "随机权重",
    "pre-trained": "预训练",
    "weights of {} units of the first\nlayer: ": "第一层 {} 个神经元的权重：\n",
    # quadratic_or_cross_entropy
    "one neuron that starts badly wrong": "一个起点错得很远的神经元",
    "its answer; 0 is right": "输出；正确值为 0",
    "two costs, on images": "两种代价，图像数据",
    "two ways to start (cross-entropy)": "两种初始权重（交叉熵）",
    "quadratic": "二次代价",
    "large": "较大权重",
    "default": "默认权重",
    # vanishing_gradients
    "(mean and range)": "（均值和范围）",
    "before training, {} layers": "训练前，{} 个隐藏层",
    "sigmoid in training, {} layers": "sigmoid，训练中，{} 个隐藏层",
    "hidden layer": "隐藏层",
    "hidden layer {}": "第 {} 个隐藏层",
    "speed of learning ‖δ‖": "学习速度 ‖δ‖",
}
