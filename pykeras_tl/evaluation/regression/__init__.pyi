from .evaluate import evaluate_regressor as evaluate_regressor
from .evaluation import RegressionEvaluation as RegressionEvaluation
from .figures import plot_largest_errors as plot_largest_errors
from .figures import plot_residuals as plot_residuals
from .figures import plot_true_against_predicted as plot_true_against_predicted
