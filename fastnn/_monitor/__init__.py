"""What goes by one column of the history: what is better, the best epoch, a plateau."""
