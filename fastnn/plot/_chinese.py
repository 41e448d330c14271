"""What the pictures say, in Chinese."""

from __future__ import annotations

# Fonts that have the signs, the best known first.
FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "Noto Sans CJK JP",
)

# Words around a number, which stand in another order.
PATTERNS = {
    r"layer (\d+)": r"第 \1 层",
    r"epoch (\d+)": r"第 \1 轮",
    r"([\d.]+) % right": r"准确率 \1 %",
    r"([\d,]+) inputs": r"\1 个输入",
    r"([\d,]+) outputs": r"\1 个输出",
    r"([\d,]+) neurons": r"\1 个神经元",
    r"([\d,]+) parameters": r"\1 个参数",
}

CHINESE = {
    "activation of the neurons": "神经元的激活值",
    "activations, layer by layer": "各层激活值的分布",
    "answer": "输出",
    "batch norm": "批量归一化",
    "best": "最佳",
    "class": "类别",
    "confusion of the classes": "混淆矩阵",
    "decision boundary": "决策边界",
    "dropout": "随机失活",
    "epoch": "轮次",
    "evaluation": "验证",
    "gradient, layer by layer": "各层梯度的大小",
    "group norm": "组归一化",
    "largest": "上限",
    "layer": "层",
    "layer norm": "层归一化",
    "layers of the network": "网络结构",
    "learning curves": "学习曲线",
    "learning rate": "学习率",
    "learning rate range test": "学习率范围测试",
    "mean cost of a mini-batch": "小批量的平均代价",
    "mean cost of an example": "每个样本的平均代价",
    "mini-batches": "小批量",
    "norm": "范数",
    "predicted class": "预测类别",
    "right answers": "准确率",
    "share": "占比",
    "smoothed": "平滑后",
    "suggested": "建议值",
    "training": "训练",
    "true class": "真实类别",
    "validation": "验证",
    "weight": "权重",
    "weights of the first layer": "第一层的权重",
    "worst of the wrong": "错得最离谱的样本",
}
