"""`python -m eval.benchmark`."""

from eval.benchmark.benchmark import main

if __name__ == "__main__":
    main()
