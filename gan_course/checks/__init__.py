"""The exercise checkers: one module for each lesson, and what you have solved so far.

``from gan_course.checks import conv2d as check``, then ``check.size_formula(my_function)``.
"""
