"""`python -m eval.results`."""

from eval.results.keep import main

if __name__ == "__main__":
    main()
